#!/bin/sh
# Make the passwords of docker-compose.yml, and the key that signs receipts of erasures, once: what is
# there stays, and `docker compose` reads it.
#
#   deploy/make-secrets.sh [build/secrets]
#
# Containers read the files as users of their own; so each may read them, and the folder only you.
set -eu
folder=${1:-build/secrets}

# A private key of Ed25519 in PKCS #8 (RFC 8410): what says so, then 32 random bytes.
make_receipt_key() {
  echo "-----BEGIN PRIVATE KEY-----"
  {
    printf '\060\056\002\001\000\060\005\006\003\053\145\160\004\042\004\040'
    head -c 32 /dev/urandom
  } | base64
  echo "-----END PRIVATE KEY-----"
}

if [ -e "$folder" ]; then
  if [ ! -e "$folder/receipt_key" ]; then # made before there was one
    make_receipt_key > "$folder/receipt_key"
    chmod 444 "$folder/receipt_key"
  fi
  echo "$folder is there; remove it for new passwords." >&2
  exit 0
fi

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
redis=$(random)
kafka=$(random)
digest=$(printf %s "$redis" | sha256sum | cut -d ' ' -f 1)

making="$folder.making"
rm -rf "$making"
mkdir -p "$making"
chmod 700 "$making"
printf %s "redis://portrait:$redis@redis:6379/0" > "$making/redis_url"
# Whoever shows no password may ask whether Redis is there, and nothing else.
cat > "$making/redis_users" <<END
user default on nopass resetkeys resetchannels -@all +ping
user portrait on #$digest ~* &* +@all -@admin -@dangerous +info
END
printf %s "$kafka" > "$making/kafka_password"
printf %s "portrait=$kafka" > "$making/kafka_users"
make_receipt_key > "$making/receipt_key"
chmod 444 "$making"/*
mv "$making" "$folder"
