;; A Proxy-Wasm module that adds its whole configuration, as it was handed over, to each request and each response as the header x-extension.
;; ABI: github.com/proxy-wasm/spec, abi-versions/v0.2.1.
(module
  (import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 16) "x-extension")
  ;; what the host asks for is handed out upwards from here, and never taken back
  (global $free (mut i32) (i32.const 1024))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "_initialize"))
  (func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $free))
    (global.set $free (i32.add (global.get $free) (local.get $size)))
    (local.get $at))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
  ;; buffer 7 is the plugin's configuration; the host writes where it put it to 0, and its size to 4
  (func (export "proxy_on_configure") (param $context i32) (param $size i32) (result i32)
    (i32.eqz (call $buffer (i32.const 7) (i32.const 0) (local.get $size) (i32.const 0) (i32.const 4))))
  (func $mark (param $map i32)
    (drop (call $add (local.get $map) (i32.const 16) (i32.const 11) (i32.load (i32.const 0)) (i32.load (i32.const 4)))))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (call $mark (i32.const 0)) (i32.const 0))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) (call $mark (i32.const 2)) (i32.const 0))
  (func (export "proxy_on_done") (param i32) (result i32) (i32.const 1))
  (func (export "proxy_on_delete") (param i32)))
