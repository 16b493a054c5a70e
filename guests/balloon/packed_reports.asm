; SPDX-License-Identifier: MIT
;@ summary: 5.5.6.7: pages that are reported free read as zero, over a packed ring
;@ device: virtio-balloon,packed=1
; The same test; a failed assertion names a line of that file.
%define Q_PACKED
%include "reports.asm"
