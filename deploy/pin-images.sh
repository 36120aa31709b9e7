#!/bin/sh
# Write the digest of each foreign image beside its tag, in the Dockerfile and docker-compose.yml: what is
# built and run stays what was looked at, whatever is pushed under the tag later. Asks the registries;
# run again for an upgrade.
set -eu
cd "$(dirname "$0")/.."
files="Dockerfile docker-compose.yml"
# shellcheck disable=SC2086 - two names
for image in $(grep -hoE '^FROM [a-z][a-z./-]*:[^@ ]+|image: [a-z][a-z./-]*:[^@ ]+' $files | cut -d ' ' -f 2 | grep -v '^portrait-' | sort -u); do
  digest=$(docker buildx imagetools inspect "$image" --format '{{.Manifest.Digest}}')
  sed -i -E "s|$image(@sha256:[0-9a-f]+)?|$image@$digest|" $files
  echo "$image@$digest"
done
