
>
inputPlaceholder*
dtype0*
shape:
\
outputAvgPoolinput*
T0*
ksize
*
paddingSAME*
strides
"¸