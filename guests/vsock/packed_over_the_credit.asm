; SPDX-License-Identifier: MIT
;@ summary: 5.10.6.3.1: data for which there is no room ends the connection, over a packed ring
;@ device: virtio-vsock,packed=1
; The same test; a failed assertion names a line of that file.
%define Q_PACKED
%include "over_the_credit.asm"
