
>
inputPlaceholder*
dtype0*
shape:
`
	avgpool_2AvgPoolinput*
T0*
ksize
*
paddingVALID*
strides

O
outputSqueeze	avgpool_2*
T0*(
squeeze_dims
ýÿÿÿÿÿÿÿÿþÿÿÿÿÿÿÿÿ"¸