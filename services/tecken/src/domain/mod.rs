// SPDX-License-Identifier: MPL-2.0
//! What symbols, archives, uploads and people are, without any input or output.

mod archive;
mod caller;
mod destination;
mod missing;
mod symbol;
mod text;
mod upload;

pub use archive::{Listed, SymbolPath, archive_name, classify, content_hash, last_extension};
pub use caller::{Caller, Inactive, Permission, User, check_email, username};
pub use destination::{Wish, glob_matches};
pub use missing::{MAX_FIELD_CHARS, Miss, MissingSymbol};
pub use symbol::{PRODUCTS, RESERVED, Refusal, Wanted, has_forbidden_character, is_hex};
pub use text::python_repr;
pub use upload::{Code, FileCounts, FileUpload, NewFile, NewUpload, Upload, UploadDetails};
