-- SPDX-License-Identifier: MPL-2.0
CREATE TABLE demo_trees (name TEXT PRIMARY KEY);
