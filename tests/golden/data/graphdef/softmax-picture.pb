
>
inputPlaceholder*
dtype0*
shape:
|
const_2Const*
dtype0*]
valueTBR"<şõ	¾;Óµ¿½¿²Ç@MË‡¾†"¿€gI>ˆdˆ>³r#>}¥>Ù½>Õ’?‡û©?ç=”¿^6?
S
conv2d_3Conv2Dinputconst_2*
T0*
paddingSAME*
strides

$
outputSoftmaxconv2d_3*
T0"¸