
>
inputPlaceholder*
dtype0*
shape:
\
outputMaxPoolinput*
T0*
ksize
*
paddingSAME*
strides
"¸