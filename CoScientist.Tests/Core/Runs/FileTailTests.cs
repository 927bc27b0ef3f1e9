using CoScientist.Core.Runs;

namespace CoScientist.Tests.Core.Runs;

public sealed class FileTailTests : IDisposable
{
    private readonly string file = Path.GetTempFileName();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => File.Delete(file);

    [Fact]
    public void Read_LastLines_AreThoseOfTheFileInItsOrder()
    {
        File.WriteAllText(file, "a\nb\nc\nd\n");

        Assert.Equal(["c", "d"], FileTail.Read(file, 2, null, Token));
        Assert.Equal(["a", "b", "c", "d"], FileTail.Read(file, 10, "", Token));
        Assert.Empty(FileTail.Read(file, 0, null, Token));
        Assert.Empty(FileTail.Read(file + ".none", 5, null, Token));
    }

    [Fact]
    public void Read_LineStillBeingWritten_Waits()
    {
        File.WriteAllText(file, "a\nb\nhal");

        Assert.Equal(["a", "b"], FileTail.Read(file, 5, null, Token));
    }

    [Fact]
    public void Read_SearchInALargeFile_FindsTheLastHitsAcrossBlocks()
    {
        // Lines of many lengths, some longer than a block.
        string[] lines = [.. Enumerable.Range(0, 400).Select(i => $"{(i % 7 == 0 ? "Größe" : "x")} {i} {new string('.', i % 50 == 0 ? 300_000 : i)}")];
        File.WriteAllLines(file, lines);

        Assert.Equal(lines.Where(line => line.StartsWith("Größe", StringComparison.Ordinal)).TakeLast(20), FileTail.Read(file, 20, "GRÖSSE".Replace("SS", "ß", StringComparison.Ordinal), Token));
        Assert.Equal(lines, FileTail.Read(file, 1000, null, Token));
        Assert.Empty(FileTail.Read(file, 5, "nowhere", Token));
    }
}
