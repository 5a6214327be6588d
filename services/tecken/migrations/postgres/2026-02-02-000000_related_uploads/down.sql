-- SPDX-License-Identifier: MPL-2.0
DROP INDEX ix_upload_upload_size_user_id;
