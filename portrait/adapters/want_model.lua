-- Point to a model that is to serve, with its history as of now. If it is wanted already: nothing.
-- KEYS: model:wanted, the model's own. ARGV: its version, the history as JSON.
if redis.call('GET', KEYS[1]) == ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], 'history', ARGV[2])
redis.call('SET', KEYS[1], ARGV[1])
return 1
