-- SPDX-License-Identifier: MPL-2.0
-- PostgreSQL gets an index here, for a question that SQLite, having one writer, never asks.
SELECT 1;
