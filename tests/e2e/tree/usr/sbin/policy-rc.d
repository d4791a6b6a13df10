#!/bin/sh
# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
# Nothing is started while the tree is made; setup.sh removes this file.
exit 101
