; SPDX-License-Identifier: MIT
;@ summary: 5.5.6: a page that is taken back is the guest's again, over a packed ring
;@ device: virtio-balloon,packed=1
; The same test; a failed assertion names a line of that file.
%define Q_PACKED
%include "deflate.asm"
