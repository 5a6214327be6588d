// SPDX-License-Identifier: MPL-2.0
//! The contract of [`Queue`](crate::Queue) as tests.
