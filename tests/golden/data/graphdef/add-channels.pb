
>
inputPlaceholder*
dtype0*
shape:
p
const_2Const*
dtype0*Q
valueHBF"0d;¥?–øª¾'E¿l}?‡È>D{@<U'µ¿£Žæ½éó¨¿.Å?Úª?ø?
S
conv2d_3Conv2Dinputconst_2*
T0*
paddingSAME*
strides

D
const_4Const*
dtype0*%
valueB"|ñ-¿“t?'z¿}6¿
)
outputAddconv2d_3const_4*
T0"¸