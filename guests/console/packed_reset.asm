; SPDX-License-Identifier: MIT
;@ summary: 3.3.1, 5.3.6.2: after a reset nothing is known of ports, over a packed ring
;@ device: virtio-console,ports=2,packed=1
;@ chr: loop
;@ chr: loop
; The same test; a failed assertion names a line of that file.
%define Q_PACKED
%include "reset.asm"
