;; A Proxy-Wasm module that adds its whole configuration, as it was handed over, to each request and each response as the header x-extension.
;; ABI: github.com/proxy-wasm/spec, abi-versions/v0.2.1.
;; Envoy runs all extensions of one module in one machine, with one memory: so each root context has a record of its own, and a request's
;; context finds that of its root.
(module
  (import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 16) "x-extension")
  ;; from 1024: for a context of a request, by the last 12 bits of its number, where its root's record is
  ;; from 17408: records of roots (number, configuration, size of that), up to $last
  (global $last (mut i32) (i32.const 17408))
  ;; what the host asks for is handed out upwards from here, and never taken back
  (global $free (mut i32) (i32.const 65536))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "_initialize"))
  (func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $free))
    (global.set $free (i32.add (global.get $free) (local.get $size)))
    (local.get $at))
  (func $slot (param $context i32) (result i32)
    (i32.add (i32.const 1024) (i32.shl (i32.and (local.get $context) (i32.const 4095)) (i32.const 2))))
  ;; a number is given once, so the search ends; a root that is not found would trap at the end of the memory
  (func $record (param $root i32) (result i32)
    (local $at i32)
    (local.set $at (i32.const 17408))
    (block $found
      (loop $next
        (br_if $found (i32.eq (i32.load (local.get $at)) (local.get $root)))
        (local.set $at (i32.add (local.get $at) (i32.const 12)))
        (br $next)))
    (local.get $at))
  (func (export "proxy_on_context_create") (param $context i32) (param $root i32)
    (if (local.get $root)
      (then (i32.store (call $slot (local.get $context)) (call $record (local.get $root))))
      (else
        (i32.store (global.get $last) (local.get $context))
        (global.set $last (i32.add (global.get $last) (i32.const 12))))))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
  ;; buffer 7 is the plugin's configuration; the host writes where it put it, and its size, into the record
  (func (export "proxy_on_configure") (param $root i32) (param $size i32) (result i32)
    (local $record i32)
    (local.set $record (call $record (local.get $root)))
    (i32.eqz (call $buffer (i32.const 7) (i32.const 0) (local.get $size)
      (i32.add (local.get $record) (i32.const 4)) (i32.add (local.get $record) (i32.const 8)))))
  (func $mark (param $context i32) (param $map i32)
    (local $record i32)
    (local.set $record (i32.load (call $slot (local.get $context))))
    (drop (call $add (local.get $map) (i32.const 16) (i32.const 11)
      (i32.load offset=4 (local.get $record)) (i32.load offset=8 (local.get $record)))))
  (func (export "proxy_on_request_headers") (param $context i32) (param i32 i32) (result i32)
    (call $mark (local.get $context) (i32.const 0)) (i32.const 0))
  (func (export "proxy_on_response_headers") (param $context i32) (param i32 i32) (result i32)
    (call $mark (local.get $context) (i32.const 2)) (i32.const 0))
  (func (export "proxy_on_done") (param i32) (result i32) (i32.const 1))
  (func (export "proxy_on_delete") (param i32)))
