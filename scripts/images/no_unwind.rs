//! What std asks of libunwind, for programs whose panics abort: no stack is ever unwound, so each function says that
//! there is no further frame.
//!
//! Debian has no libunwind for musl. A program that is built with this prints its panics, without a backtrace.
#![feature(no_core, lang_items)]
#![no_core]
#![allow(internal_features, missing_docs, non_snake_case, reason = "there is neither a core library nor a header here")]

#[lang = "pointee_sized"]
pub trait PointeeSized {}
#[lang = "meta_sized"]
pub trait MetaSized: PointeeSized {}
#[lang = "sized"]
pub trait Sized: MetaSized {}

/// `_URC_END_OF_STACK`.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Backtrace() -> i32 {
    5
}

#[unsafe(no_mangle)]
extern "C" fn _Unwind_GetIP() -> usize {
    0
}

#[unsafe(no_mangle)]
extern "C" fn _Unwind_GetIPInfo() -> usize {
    0
}

#[unsafe(no_mangle)]
extern "C" fn _Unwind_GetCFA() -> usize {
    0
}

#[unsafe(no_mangle)]
extern "C" fn _Unwind_GetDataRelBase() -> usize {
    0
}

#[unsafe(no_mangle)]
extern "C" fn _Unwind_GetTextRelBase() -> usize {
    0
}

#[unsafe(no_mangle)]
extern "C" fn _Unwind_FindEnclosingFunction() -> usize {
    0
}

// The rest is for ARM's own unwinder: `_UVRSR_NOT_IMPLEMENTED` and `_URC_FAILURE`.

#[unsafe(no_mangle)]
extern "C" fn _Unwind_VRS_Get() -> i32 {
    1
}

#[unsafe(no_mangle)]
extern "C" fn _Unwind_VRS_Set() -> i32 {
    1
}

#[unsafe(no_mangle)]
extern "C" fn __aeabi_unwind_cpp_pr0() -> i32 {
    9
}

#[unsafe(no_mangle)]
extern "C" fn __aeabi_unwind_cpp_pr1() -> i32 {
    9
}

#[unsafe(no_mangle)]
extern "C" fn __aeabi_unwind_cpp_pr2() -> i32 {
    9
}
