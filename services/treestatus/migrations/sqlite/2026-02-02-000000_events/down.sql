-- SPDX-License-Identifier: MPL-2.0
DROP TABLE releng_treestatus_events;
