; SPDX-License-Identifier: MIT
;@ summary: 5.5.6.3: the buffer of statistics is kept until the device wants new ones, over a packed ring
;@ device: virtio-balloon,stats=50000000,packed=1
;@ needs.kvm: kvm-shadow
; The same test; a failed assertion names a line of that file.
%define Q_PACKED
%include "stats.asm"
