
>
inputPlaceholder*
dtype0*
shape:
Ô
const_2Const*
dtype0*´
valueªB§"kýÏ=ŠHÝ½Ÿ›¾‰g>ïïH¾VR>BÛ¼U:Ø>w´Y¾8ê=D\½lú‡½%Èn>Ñö½^Áº>>;¾àZ}>&I>¾^Ò>²QÕ<­t.>f#¾•â>$Ý>”hà½Š‹­½—9o>œñâ½¥Ø¤½…””>–r”>aá[>G>=œb>Ån;¿½
`
outputDepthwiseConv2dNativeinputconst_2*
T0*
paddingSAME*
strides
"¸