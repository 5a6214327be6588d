-- SPDX-License-Identifier: MPL-2.0
SELECT 1;
