
>
inputPlaceholder*
dtype0*
shape:
>
const_2Const*
dtype0*
valueB
S
conv2d_3Conv2Dinputconst_2*
T0*
paddingSAME*
strides

@
const_4Const*
dtype0*!
valueB"p„I=È\h¾Öõ¾
-
outputBiasAddconv2d_3const_4*
T0"¸