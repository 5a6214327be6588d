-- SPDX-License-Identifier: MPL-2.0
-- Serves the uploads of the same person and content; sizes differ more than anything else.
CREATE INDEX IF NOT EXISTS ix_upload_upload_size_user_id ON upload_upload (size, user_id);
