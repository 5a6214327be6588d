// SPDX-License-Identifier: MPL-2.0
//! Demo symbols: one module with functions, lines and an inlined call.
