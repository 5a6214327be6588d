// SPDX-License-Identifier: MPL-2.0
//! A database of the Python service is opened in place.
