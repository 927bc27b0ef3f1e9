namespace CoScientist.Tests.Training.Checkpoints;

/// <summary>Feeds a parser a good file with random damage: flipped, overwritten, cut, doubled and inserted bytes.</summary>
internal static class Mutations
{
    private const int Cases = 1000;
    private const long MostBytes = 16 << 20;

    /// <summary>Each case either loads or is refused as <see cref="InvalidDataException"/>, without using much memory.</summary>
    public static void Check(TemporaryFolder folder, byte[] good, int seed, Action<string> load)
    {
        var random = new Random(seed);
        var path = folder.File("mutated.bin");
        var (loaded, refused) = (0, 0);
        for (var i = 0; i < Cases; i++)
        {
            File.WriteAllBytes(path, Mutate(good, random));
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                load(path);
                loaded++;
            }
            catch (InvalidDataException exception)
            {
                Assert.StartsWith(path, exception.Message, StringComparison.Ordinal);
                Assert.DoesNotContain(exception.Message, character => char.IsControl(character));
                refused++;
            }

            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MostBytes);
        }

        // Damage in the values is no fault of the format; in the header it is.
        Assert.True(loaded > 0 && refused > Cases / 10, $"{loaded} loaded, {refused} refused");
    }

    private static byte[] Mutate(byte[] good, Random random)
    {
        var bytes = good.ToList();
        for (var change = random.Next(1, 4); change > 0; change--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(8))
            {
                case 0:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 9), bytes.Count - at));
                    break;
                case 1:
                    bytes.InsertRange(at, bytes.Slice(at, Math.Min(random.Next(1, 17), bytes.Count - at)));
                    break;
                case 2:
                    bytes[at] = byte.MaxValue;
                    break;
                case 3:
                    bytes[at] = 0;
                    break;
                default:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
            }

            if (bytes.Count == 0)
            {
                break;
            }
        }

        return [.. bytes];
    }
}
