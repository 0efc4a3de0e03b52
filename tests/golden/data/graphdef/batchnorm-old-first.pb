
>
inputPlaceholder*
dtype0*
shape:
@
const_2Const*
dtype0*!
valueB"¿b½Pðs>†á(>
@
const_3Const*
dtype0*!
valueB"QØ«?Ì:Ú?ý;@?
@
const_4Const*
dtype0*!
valueB"¾0å>j?
@
const_5Const*
dtype0*!
valueB"Å÷?x©”?ç+-?
š
output BatchNormWithGlobalNormalizationinputconst_2const_3const_4const_5*
T0*
scale_after_normalization(*
variance_epsilon%oƒ: