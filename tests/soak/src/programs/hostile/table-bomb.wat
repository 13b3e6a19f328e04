;; A rule whose table grows until it may grow no further: a misbehaviour that no Rust source can be compiled to.
;;
;; The core module is written by hand. The component around it is the contract (wit/rule.wit) as wit-component writes it;
;; after a change of the contract, encode the core module anew. `configure` answers with the descriptor that lies at
;; 1024: one input, the timestamp; configuration drift, low, a window of 10 s, one occurrence.
(component
  (type $ty-lapwing:plugin/types@0.1.0 (;0;)
    (instance
      (type (;0;) (list f64))
      (type (;1;) (list 0))
      (type (;2;) (record (field "rows" u32) (field "columns" 1)))
      (export (;3;) "batch" (type (eq 2)))
      (type (;4;) (enum "count" "sum" "mean" "std" "min" "max"))
      (export (;5;) "aggregate" (type (eq 4)))
      (type (;6;) (variant (case "samples" u32) (case "seconds" f64)))
      (export (;7;) "extent" (type (eq 6)))
      (type (;8;) (record (field "metric" string) (field "aggregate" 5) (field "span" 7) (field "offset" 7)))
      (export (;9;) "windowed" (type (eq 8)))
      (type (;10;) (record (field "metric" string) (field "literal" string)))
      (export (;11;) "text-test" (type (eq 10)))
      (type (;12;) (enum "silence-s" "expected-interval-s" "silence-limit-s" "lateness-s" "suspicion" "alive"))
      (export (;13;) "heartbeat" (type (eq 12)))
      (type (;14;) (variant (case "latest" string) (case "over" 9) (case "equals" 11) (case "heartbeat" 13) (case "parameter" string) (case "timestamp")))
      (export (;15;) "input" (type (eq 14)))
      (type (;16;) (record (field "name" string) (field "description" string) (field "default" f64) (field "min" f64) (field "max" f64)))
      (export (;17;) "parameter" (type (eq 16)))
    )
  )
  (import "lapwing:plugin/types@0.1.0" (instance $lapwing:plugin/types@0.1.0 (;0;) (type $ty-lapwing:plugin/types@0.1.0)))
  (core module $main (;0;)
    (type (;0;) (func (param i32 i32 i32 i32) (result i32)))
    (type (;1;) (func (param i32 i32) (result i32)))
    (type (;2;) (func (param i32 i32 i32) (result i32)))
    (table $table (;0;) 1 funcref)
    (memory (;0;) 2)
    (global $free (;0;) (mut i32) i32.const 65536)
    (export "memory" (memory 0))
    (export "cabi_realloc" (func 0))
    (export "lapwing:plugin/rule@0.1.0#configure" (func 1))
    (export "lapwing:plugin/rule@0.1.0#evaluate" (func $bomb))
    (export "lapwing:plugin/rule@0.1.0#explain" (func 3))
    ;; cabi_realloc: never gives anything back
    (func (;0;) (type 0) (param i32 i32 i32) (param $bytes i32) (result i32)
      (local $at i32)
      global.get $free
      i32.const 7
      i32.add
      i32.const -8
      i32.and
      local.set $at
      local.get $at
      local.get $bytes
      i32.add
      global.set $free
      global.get $free
      memory.size
      i32.const 65536
      i32.mul
      i32.gt_u
      if ;; label = @1
        local.get $bytes
        i32.const 65536
        i32.div_u
        i32.const 1
        i32.add
        memory.grow
        i32.const -1
        i32.eq
        if ;; label = @2
          unreachable
        end
      end
      local.get $at
    )
    ;; configure
    (func (;1;) (type 1) (param i32 i32) (result i32)
      i32.const 1024
    )
    ;; evaluate
    (func $bomb (;2;) (type 2) (param i32 i32 i32) (result i32)
      loop $again
        ref.null func
        i32.const 1000
        table.grow $table
        i32.const -1
        i32.ne
        br_if $again
      end
      unreachable
    )
    ;; explain
    (func (;3;) (type 2) (param i32 i32 i32) (result i32)
      unreachable
    )
    ;; result<descriptor, string>: ok, the inputs at 2048, no parameters, name and description at 3072, and the rest.
    (data (;0;) (i32.const 1024) "\00\00\00\00\00\08\00\00\01\00\00\00\00\00\00\00\00\00\00\00\00\0c\00\00\0a\00\00\00\00\0c\00\00\0a\00\00\00\05\00\00\00\0a\00\00\00\01\00\00\00\00\00\00\00\00\00\00\00")
    ;; input::timestamp
    (data (;1;) (i32.const 2048) "\05")
    (data (;2;) (i32.const 3072) "Table bomb")
  )
  (alias export $lapwing:plugin/types@0.1.0 "batch" (type $batch (;1;)))
  (alias export $lapwing:plugin/types@0.1.0 "input" (type $input (;2;)))
  (alias export $lapwing:plugin/types@0.1.0 "parameter" (type $parameter (;3;)))
  (type (;4;) (enum "disconnection" "performance-degradation" "data-inconsistency" "security-anomaly" "resource-exhaustion" "configuration-drift" "dependency-failure"))
  (type (;5;) (enum "low" "medium" "high" "critical"))
  (type (;6;) (list $input))
  (type (;7;) (list $parameter))
  (type (;8;) (list string))
  (type (;9;) (record (field "inputs" 6) (field "parameters" 7) (field "name" string) (field "description" string) (field "detection-type" 4) (field "severity" 5) (field "window-s" u32) (field "min-occurrences" u32) (field "actions" 8)))
  (type (;10;) (list u32))
  (type (;11;) (record (field "matched" 10) (field "unknown" 10)))
  (type (;12;) (enum "above" "at-least" "below" "at-most" "equal"))
  (type (;13;) (enum "unmet" "unknown" "met"))
  (type (;14;) (record (field "input" u32) (field "observed" f64) (field "relation" 12) (field "expected" f64) (field "outcome" 13)))
  (type (;15;) (list 14))
  (type (;16;) (record (field "summary" string) (field "conditions" 15)))
  (core instance $main (;0;) (instantiate $main))
  (alias core export $main "memory" (core memory $memory (;0;)))
  (type (;17;) (result 9 (error string)))
  (type (;18;) (func (param "settings" string) (result 17)))
  (alias core export $main "lapwing:plugin/rule@0.1.0#configure" (core func $lapwing:plugin/rule@0.1.0#configure (;0;)))
  (alias core export $main "cabi_realloc" (core func $cabi_realloc (;1;)))
  (func $configure (;0;) (type 18) (canon lift (core func $lapwing:plugin/rule@0.1.0#configure) (memory $memory) (realloc $cabi_realloc) string-encoding=utf8))
  (type (;19;) (result 11 (error string)))
  (type (;20;) (func (param "rows" $batch) (result 19)))
  (alias core export $main "lapwing:plugin/rule@0.1.0#evaluate" (core func $lapwing:plugin/rule@0.1.0#evaluate (;2;)))
  (func $evaluate (;1;) (type 20) (canon lift (core func $lapwing:plugin/rule@0.1.0#evaluate) (memory $memory) (realloc $cabi_realloc) string-encoding=utf8))
  (type (;21;) (list 16))
  (type (;22;) (result 21 (error string)))
  (type (;23;) (func (param "rows" $batch) (result 22)))
  (alias core export $main "lapwing:plugin/rule@0.1.0#explain" (core func $lapwing:plugin/rule@0.1.0#explain (;3;)))
  (func $explain (;2;) (type 23) (canon lift (core func $lapwing:plugin/rule@0.1.0#explain) (memory $memory) (realloc $cabi_realloc) string-encoding=utf8))
  (alias export $lapwing:plugin/types@0.1.0 "aggregate" (type $aggregate (;24;)))
  (alias export $lapwing:plugin/types@0.1.0 "extent" (type $extent (;25;)))
  (alias export $lapwing:plugin/types@0.1.0 "windowed" (type $windowed (;26;)))
  (alias export $lapwing:plugin/types@0.1.0 "text-test" (type $text-test (;27;)))
  (alias export $lapwing:plugin/types@0.1.0 "heartbeat" (type $heartbeat (;28;)))
  (component $lapwing:plugin/rule@0.1.0-shim-component (;0;)
    (type (;0;) (list f64))
    (type (;1;) (list 0))
    (type (;2;) (record (field "rows" u32) (field "columns" 1)))
    (import "import-type-batch" (type (;3;) (eq 2)))
    (type (;4;) (enum "count" "sum" "mean" "std" "min" "max"))
    (import "import-type-aggregate" (type (;5;) (eq 4)))
    (type (;6;) (variant (case "samples" u32) (case "seconds" f64)))
    (import "import-type-extent" (type (;7;) (eq 6)))
    (type (;8;) (record (field "metric" string) (field "aggregate" 5) (field "span" 7) (field "offset" 7)))
    (import "import-type-windowed" (type (;9;) (eq 8)))
    (type (;10;) (record (field "metric" string) (field "literal" string)))
    (import "import-type-text-test" (type (;11;) (eq 10)))
    (type (;12;) (enum "silence-s" "expected-interval-s" "silence-limit-s" "lateness-s" "suspicion" "alive"))
    (import "import-type-heartbeat" (type (;13;) (eq 12)))
    (type (;14;) (variant (case "latest" string) (case "over" 9) (case "equals" 11) (case "heartbeat" 13) (case "parameter" string) (case "timestamp")))
    (import "import-type-input" (type (;15;) (eq 14)))
    (type (;16;) (record (field "name" string) (field "description" string) (field "default" f64) (field "min" f64) (field "max" f64)))
    (import "import-type-parameter" (type (;17;) (eq 16)))
    (import "import-type-input0" (type (;18;) (eq 15)))
    (type (;19;) (list 18))
    (import "import-type-parameter0" (type (;20;) (eq 17)))
    (type (;21;) (list 20))
    (type (;22;) (enum "disconnection" "performance-degradation" "data-inconsistency" "security-anomaly" "resource-exhaustion" "configuration-drift" "dependency-failure"))
    (import "import-type-detection-type" (type (;23;) (eq 22)))
    (type (;24;) (enum "low" "medium" "high" "critical"))
    (import "import-type-severity" (type (;25;) (eq 24)))
    (type (;26;) (list string))
    (type (;27;) (record (field "inputs" 19) (field "parameters" 21) (field "name" string) (field "description" string) (field "detection-type" 23) (field "severity" 25) (field "window-s" u32) (field "min-occurrences" u32) (field "actions" 26)))
    (import "import-type-descriptor" (type (;28;) (eq 27)))
    (type (;29;) (result 28 (error string)))
    (type (;30;) (func (param "settings" string) (result 29)))
    (import "import-func-configure" (func (;0;) (type 30)))
    (import "import-type-batch0" (type (;31;) (eq 3)))
    (type (;32;) (list u32))
    (type (;33;) (record (field "matched" 32) (field "unknown" 32)))
    (import "import-type-verdicts" (type (;34;) (eq 33)))
    (type (;35;) (result 34 (error string)))
    (type (;36;) (func (param "rows" 31) (result 35)))
    (import "import-func-evaluate" (func (;1;) (type 36)))
    (type (;37;) (enum "above" "at-least" "below" "at-most" "equal"))
    (import "import-type-relation" (type (;38;) (eq 37)))
    (type (;39;) (enum "unmet" "unknown" "met"))
    (import "import-type-outcome" (type (;40;) (eq 39)))
    (type (;41;) (record (field "input" u32) (field "observed" f64) (field "relation" 38) (field "expected" f64) (field "outcome" 40)))
    (import "import-type-condition" (type (;42;) (eq 41)))
    (type (;43;) (list 42))
    (type (;44;) (record (field "summary" string) (field "conditions" 43)))
    (import "import-type-explanation" (type (;45;) (eq 44)))
    (type (;46;) (list 45))
    (type (;47;) (result 46 (error string)))
    (type (;48;) (func (param "rows" 31) (result 47)))
    (import "import-func-explain" (func (;2;) (type 48)))
    (export (;49;) "batch" (type 3))
    (export (;50;) "input" (type 15))
    (export (;51;) "parameter" (type 17))
    (type (;52;) (enum "disconnection" "performance-degradation" "data-inconsistency" "security-anomaly" "resource-exhaustion" "configuration-drift" "dependency-failure"))
    (export (;53;) "detection-type" (type 52))
    (type (;54;) (enum "low" "medium" "high" "critical"))
    (export (;55;) "severity" (type 54))
    (type (;56;) (list 50))
    (type (;57;) (list 51))
    (type (;58;) (list string))
    (type (;59;) (record (field "inputs" 56) (field "parameters" 57) (field "name" string) (field "description" string) (field "detection-type" 53) (field "severity" 55) (field "window-s" u32) (field "min-occurrences" u32) (field "actions" 58)))
    (export (;60;) "descriptor" (type 59))
    (type (;61;) (list u32))
    (type (;62;) (record (field "matched" 61) (field "unknown" 61)))
    (export (;63;) "verdicts" (type 62))
    (type (;64;) (enum "above" "at-least" "below" "at-most" "equal"))
    (export (;65;) "relation" (type 64))
    (type (;66;) (enum "unmet" "unknown" "met"))
    (export (;67;) "outcome" (type 66))
    (type (;68;) (record (field "input" u32) (field "observed" f64) (field "relation" 65) (field "expected" f64) (field "outcome" 67)))
    (export (;69;) "condition" (type 68))
    (type (;70;) (list 69))
    (type (;71;) (record (field "summary" string) (field "conditions" 70)))
    (export (;72;) "explanation" (type 71))
    (type (;73;) (result 60 (error string)))
    (type (;74;) (func (param "settings" string) (result 73)))
    (export (;3;) "configure" (func 0) (func (type 74)))
    (type (;75;) (result 63 (error string)))
    (type (;76;) (func (param "rows" 49) (result 75)))
    (export (;4;) "evaluate" (func 1) (func (type 76)))
    (type (;77;) (list 72))
    (type (;78;) (result 77 (error string)))
    (type (;79;) (func (param "rows" 49) (result 78)))
    (export (;5;) "explain" (func 2) (func (type 79)))
  )
  (instance $lapwing:plugin/rule@0.1.0-shim-instance (;1;) (instantiate $lapwing:plugin/rule@0.1.0-shim-component
      (with "import-func-configure" (func $configure))
      (with "import-func-evaluate" (func $evaluate))
      (with "import-func-explain" (func $explain))
      (with "import-type-batch" (type $batch))
      (with "import-type-aggregate" (type $aggregate))
      (with "import-type-extent" (type $extent))
      (with "import-type-windowed" (type $windowed))
      (with "import-type-text-test" (type $text-test))
      (with "import-type-heartbeat" (type $heartbeat))
      (with "import-type-input" (type $input))
      (with "import-type-parameter" (type $parameter))
      (with "import-type-input0" (type $input))
      (with "import-type-parameter0" (type $parameter))
      (with "import-type-detection-type" (type 4))
      (with "import-type-severity" (type 5))
      (with "import-type-descriptor" (type 9))
      (with "import-type-batch0" (type $batch))
      (with "import-type-verdicts" (type 11))
      (with "import-type-relation" (type 12))
      (with "import-type-outcome" (type 13))
      (with "import-type-condition" (type 14))
      (with "import-type-explanation" (type 16))
    )
  )
  (export $lapwing:plugin/rule@0.1.0 (;2;) "lapwing:plugin/rule@0.1.0" (instance $lapwing:plugin/rule@0.1.0-shim-instance))
)
