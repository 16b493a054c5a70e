; SPDX-License-Identifier: MIT
;@ summary: 5.3.6: what port 0 sends goes out, and what comes in is received, over a packed ring
;@ device: virtio-console,packed=1
;@ chr: loop
; The same test; a failed assertion names a line of that file.
%define Q_PACKED
%include "transmit_receive.asm"
