; SPDX-License-Identifier: MIT
;@ summary: 5.5.6.6: pages that are hinted under the device's command are dropped; STOP ends it, over a packed ring
;@ device: virtio-balloon,hint_at=50000000,packed=1
;@ needs.kvm: kvm-shadow
; The same test; a failed assertion names a line of that file.
%define Q_PACKED
%include "hints.asm"
