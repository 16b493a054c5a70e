; SPDX-License-Identifier: MIT
;@ summary: 5.5.6: pages that are given away read as zero, their neighbours stay, over a packed ring
;@ device: virtio-balloon,packed=1
; The same test; a failed assertion names a line of that file.
%define Q_PACKED
%include "inflate.asm"
