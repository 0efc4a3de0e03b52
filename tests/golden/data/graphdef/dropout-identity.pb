
6
inputPlaceholder*
dtype0*
shape
:
/
Dropout_1b/IdentityIdentityinput*
T0
˜
const_3Const*
dtype0*y
valuepBn"`0©?þ@i¿:<¾¯fr>ÎÝ÷¾–ÜZ¿É¢Œ?q¤S>dû<§Fâ>Wö?úÂ‰?i?¨Š¾(mü>8êñ¾°ªh?­þ(={8¾ÞÕ>w‚ÿ=ýP>Ýbª?3¿
7
outputMatMulDropout_1b/Identityconst_3*
T0"¸