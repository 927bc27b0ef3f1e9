using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace CoScientist.Tests.Core.Fuzzing;

/// <summary>
/// Every parser under damaged inputs that are made from good ones: each is read, or refused by the parser's own kind of fault with a
/// message that names where it lies; in bounded time and memory. A few here; <c>COSCIENTIST_FUZZ_INPUTS=10000</c> or
/// <c>COSCIENTIST_FUZZ_SECONDS=1800</c> say how many or how many seconds of processor time for each parser (of the whole process:
/// run them alone), <c>COSCIENTIST_FUZZ_PARSERS=a.nxml,d.csv</c> or
/// <c>papers</c> which of them or which group, <c>COSCIENTIST_FUZZ_SEED</c> which inputs.
/// </summary>
[Trait("Database", "any")]
public sealed partial class GeneratedInputTests : IAsyncDisposable
{
    private const int Few = 40;
    private const long MostBytes = 512L << 20;
    private const long MostGrowth = 48L << 20;
    private const int LongestMessage = 4000;
    private const int MostTold = 2000;

    /// <summary>Nothing takes a hundredth of it: what does hangs.</summary>
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(60);

    private readonly FuzzedParsers parsers = new();

    public static TheoryData<string> Parsers => [.. FuzzedParsers.Groups.SelectMany(group => group.Parsers.Where(parser => Asked is not { } asked || asked.Contains(parser) || asked.Contains(group.Name)))];

    private static int Seed => Number("COSCIENTIST_FUZZ_SEED") ?? 1;

    private static string[]? Asked => Environment.GetEnvironmentVariable("COSCIENTIST_FUZZ_PARSERS")?.Split(',');

    public ValueTask DisposeAsync() => parsers.DisposeAsync();

    [Theory]
    [MemberData(nameof(Parsers))]
    public async Task Parse_DamagedInputs_AreReadOrRefusedByName(string parser)
    {
        var tested = await parsers.MakeAsync(parser);
        Assert.All(tested.Seeds, seed => Assert.True(tested.Read(seed), $"{parser} does not read its undamaged input {Shown(seed)}"));

        var generator = new InputGenerator(tested.Seeds, Seed);
        var (inputs, seconds) = (Number("COSCIENTIST_FUZZ_INPUTS"), Number("COSCIENTIST_FUZZ_SECONDS"));
        var (start, processor, told) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime, new HashSet<string>(StringComparer.Ordinal));
        var (i, read, slowest, largest, held) = (0, 0, TimeSpan.Zero, 0L, 0L);
        for (; seconds is { } limit ? (Environment.CpuUsage.TotalTime - processor).TotalSeconds < limit : i < (inputs ?? Few); i++)
        {
            var input = generator.Next();
            var (begun, before) = (Stopwatch.GetTimestamp(), GC.GetAllocatedBytesForCurrentThread());
            var (isRead, said) = Read(tested, input, $"{parser}, input {i} of seed {Seed}");
            var (took, bytes) = (Stopwatch.GetElapsedTime(begun), GC.GetAllocatedBytesForCurrentThread() - before);
            Assert.True(took < s_longest, $"{parser}, input {i} of seed {Seed} took {took}.\n{Shown(input)}");
            Assert.True(bytes < MostBytes, $"{parser}, input {i} of seed {Seed} took {bytes >> 20} MiB.\n{Shown(input)}");
            (read, slowest, largest) = (read + (isRead ? 1 : 0), took > slowest ? took : slowest, Math.Max(largest, bytes));
            if (told.Count < MostTold && told.Add(said))
            {
                generator.Keep(input);
            }

            held = i == 1000 ? GC.GetTotalMemory(forceFullCollection: true) - generator.KeptBytes : held;
        }

        // What the test itself keeps is not the parser's.
        var growth = held == 0 ? 0 : GC.GetTotalMemory(forceFullCollection: true) - generator.KeptBytes - held;
        TestContext.Current.TestOutputHelper?.WriteLine(FormattableString.Invariant($"{parser}: {i:N0} inputs, {read:N0} read, {i - read:N0} refused in {told.Count}{(told.Count == MostTold ? " or more" : "")} ways; {Stopwatch.GetElapsedTime(start).TotalSeconds:0} s, {(Environment.CpuUsage.TotalTime - processor).TotalSeconds:0.0} s of processor time; slowest {slowest.TotalMilliseconds:0} ms, largest {largest >> 10:N0} KiB, grown by {growth >> 10:N0} KiB, peak {Process.GetCurrentProcess().PeakWorkingSet64 >> 20:N0} MiB"));
        // Beside other tests the memory is theirs, too.
        Assert.True(growth < MostGrowth || (inputs ?? seconds) is null, $"{parser} holds {growth >> 10:N0} KiB more after {i:N0} inputs than after the first 1,000.");
    }

    /// <summary>Whether an input was read, and what tells its outcome from others: a refusal without names and numbers, else its length by powers of two.</summary>
    private static (bool IsRead, string Said) Read(FuzzedParser tested, byte[] input, string which)
    {
        try
        {
            return (tested.Read(input), FormattableString.Invariant($"{(int)Math.Log2(input.Length + 1)}"));
        }
        catch (Exception fault)
        {
            Assert.True(tested.IsOwn(fault), $"{which}: {fault}\n{Shown(input)}");
            Assert.True(fault.Message.Length < LongestMessage, $"{which}: a message of {fault.Message.Length:N0} characters\n{fault.Message[..Math.Min(fault.Message.Length, 500)]}\n{Shown(input)}");
            Assert.False(fault.Message.Any(letter => char.IsControl(letter) && letter is not ('\n' or '\r')), $"{which}: a message with control characters\n{fault.Message}\n{Shown(input)}");
            return (false, Particulars().Replace(fault.Message, ""));
        }
    }

    private static string Shown(byte[] bytes) => Convert.ToBase64String(bytes.AsSpan(0, Math.Min(bytes.Length, 6000)));

    private static int? Number(string variable) => int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number) ? number : null;

    [GeneratedRegex("\"[^\"]*\"|'[^']*'|“[^”]*”|[0-9]+|\\([^)]*\\)", RegexOptions.NonBacktracking)]
    private static partial Regex Particulars();
}
