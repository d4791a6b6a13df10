# One line per target, each a command one could type.
.PHONY: help demo demo-apt test check deb bench e2e dom0 dom0-ssh dom0-stop dom0-clean clean

help: ; @echo 'make demo | demo-apt | test | check | deb | bench | e2e | dom0 | dom0-ssh | dom0-stop | dom0-clean | clean'
demo: ; @scripts/demo
demo-apt: ; @scripts/demo-apt
test: ; @scripts/test
check: ; @scripts/check
deb: ; @scripts/deb
bench: ; @scripts/bench && scripts/bench dom0
e2e: ; @scripts/e2e
dom0: ; @scripts/dom0 start
dom0-ssh: ; @scripts/dom0 ssh
dom0-stop: ; @scripts/dom0 stop
dom0-clean: ; @scripts/dom0 clean
clean: ; @rm -rf build && dh_clean 2>/dev/null || true
