#!/bin/sh
# Lists the files that this branch changed and that still exist: against the branch it left, or, on that branch itself, over
# its last ten commits. CI_BASE names another commit to compare with.
set -eu
base=${CI_BASE:-$(git merge-base HEAD origin/main 2>/dev/null || true)}
if [ -z "$base" ] || [ "$(git rev-parse "$base")" = "$(git rev-parse HEAD)" ]; then
  base=$(git rev-list --max-count=11 HEAD | tail -n 1)
fi
git diff --name-only --diff-filter=d "$base" HEAD -- "$@"
