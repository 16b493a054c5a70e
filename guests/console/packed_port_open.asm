; SPDX-License-Identifier: MIT
;@ summary: 5.3.6.2: a port that is no console gets input when the driver opened it, over a packed ring
;@ device: virtio-console,ports=2,packed=1
;@ chr: loop
;@ chr: loop
; The same test; a failed assertion names a line of that file.
%define Q_PACKED
%include "port_open.asm"
