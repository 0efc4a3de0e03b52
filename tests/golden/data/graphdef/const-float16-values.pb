
>
inputPlaceholder*
dtype0*
shape:
Ì
weightsConst*
dtype0*¬
value¢BŸjˆsÚäågšğİæï_·bŸÕÑíÑÉÙù\“\ñÍµî©äƒ`î…b¥pœrÃBiØâ¤éïfãÖíj»êÉmšè±ß§\ñcmàäÏè¤hÒê•ŞÕé²İ™n²Úƒjƒ[…ë¨ëŠp×ğ¿jÛbíi‡ë
/
cast_3Castweights*

DstT0*

SrcT0
P
outputConv2Dinputcast_3*
T0*
paddingSAME*
strides
"¸