-- SPDX-License-Identifier: MPL-2.0
DROP TABLE tooltool_leases;
DROP TABLE releng_tooltool_pending_upload;
DROP TABLE releng_tooltool_file_instances;
DROP TABLE releng_tooltool_batch_files;
DROP TABLE releng_tooltool_batches;
DROP TABLE releng_tooltool_files;
