
>
inputPlaceholder*
dtype0*
shape:	
Ô
const_2Const*
dtype0*´
valueªB§"±@N¾ Æå»Wş#>¸[ã½ˆ¤)>yd¼¾S¢>:L>Ã§¾‡\>ªß½vw>-e¾"…¾Ü…=Ç[>Ğ®½Ah¾e5ú½ø½õ1#¾l3¼ =“_>²¾@ô/¾¯BŠ¾HÏ¿>wğ.½ˆI¾lU¿¼ée	=ú°v¼ÕµÎ»Ş…!¾QË4½
`
outputDepthwiseConv2dNativeinputconst_2*
T0*
paddingSAME*
strides
"¸