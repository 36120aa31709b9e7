-- Withdraw the wish for a model that cannot be loaded. The reason stays.
-- KEYS: model:wanted, the model's own. ARGV: its version, the reason.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[2], 'refused', ARGV[2])
return 1
