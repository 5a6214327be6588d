-- SPDX-License-Identifier: MPL-2.0
DROP TABLE archive_file;
DROP TABLE main_build;
