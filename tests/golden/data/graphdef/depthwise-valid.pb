
>
inputPlaceholder*
dtype0*
shape:
Ô
const_2Const*
dtype0*´
valueªB§"wg«½,•$=ðëº=Û~&¾K¬>Æº%>L8;>†#{=‚ª¶½-¼x½Á™^¾{nd¾"›W=`å>-RÄ¾è|Ð½U×=7×»bb¥>{Á!=(ö¾3Wå<jºû>Â>ÛŠX½¡†4>ˆlà¾B*¤¾’ÊÀ½ëß¾Ì,»>÷âq¾ @›=±o½C >rçŠ½
a
outputDepthwiseConv2dNativeinputconst_2*
T0*
paddingVALID*
strides
"¸