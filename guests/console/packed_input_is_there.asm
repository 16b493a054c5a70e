; SPDX-License-Identifier: MIT
;@ summary: 5.3.6: input that came before the driver waits for it, over a packed ring
;@ device: virtio-console,packed=1
;@ chr: buf:hello\n
; The same test; a failed assertion names a line of that file.
%define Q_PACKED
%include "input_is_there.asm"
