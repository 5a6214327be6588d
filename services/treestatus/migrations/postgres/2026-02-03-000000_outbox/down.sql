-- SPDX-License-Identifier: MPL-2.0
DROP TABLE releng_treestatus_senders;
DROP TABLE releng_treestatus_outbox;
