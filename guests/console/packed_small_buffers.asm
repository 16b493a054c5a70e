; SPDX-License-Identifier: MIT
;@ summary: 5.3.6: input goes on in the next buffer, in order, over a packed ring
;@ device: virtio-console,packed=1
;@ chr: loop
; The same test; a failed assertion names a line of that file.
%define Q_PACKED
%include "small_buffers.asm"
