
>
inputPlaceholder*
dtype0*
shape:
ô
const_2Const*
dtype0*Ô
valueÊBÇ"°\ü@>à	=[t=w2¼¾“Z¾¯Î“¾)*b¾u½F¾jø.¿Â	¶<±°d>Bi<¾±à>2#„>ÑJ”¾V¥¼BË¿>X>¿eñ`>îŠ>hW¾ÃÃ‘½Åã>f’Ù=Ş¤½93>î·>ó>·8j¾3İ=¿z·=,™>-¦¼jL2>ÎÄ¾=L¦>†›·>ìÎ¿l|­>L{Ö¾­sÏ> !G¾¯ì?ÿ´½v-¾°Äı=‡—	½ù6¾éÖ…>µÖ<ª·Ï½ªØ>ñj´½`”å¾z‚‹½#¦¾İ­+>³¡Ü¾M²>î—=waD¾¥ˆ>2˜½‘;>[„˜¹b=İı•¾IVG¾Ó¨h>šlÏ¾ç¿œ>®W½ÌĞ+?­ğe>^+>üÿ¾ñu¾|C¬=¹>?3ú½È¦>ÛˆÂ½½2‰>ˆ€„>IİC¾ìá¿¹¿T.K½E3-¾ô¾ša¾S?H‰½L!¬>+d<¾7§½ájğ=½ß+¿w-¾%šä>Î2>ªŸë½µ{‚<‚ø>+½Ñ=pÁ$>
S
conv2d_3Conv2Dinputconst_2*
T0*
paddingSAME*
strides

a
conv/CheckNumericsCheckNumericsconv2d_3*
T0*)
messageTensor had NaN or Inf values
K
conv/control_dependencyIdentityconv2d_3^conv/CheckNumerics*
T0
0
outputReluconv/control_dependency*
T0"¸