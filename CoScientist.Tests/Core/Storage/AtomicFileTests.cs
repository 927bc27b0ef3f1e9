using CoScientist.Core.Storage;

namespace CoScientist.Tests.Core.Storage;

public sealed class AtomicFileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("atomic").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void WriteAllText_existing_file_is_replaced_and_nothing_else_stays()
    {
        var path = Path.Combine(folder, "a.json");
        AtomicFile.WriteAllText(path, "old");

        AtomicFile.WriteAllText(path, "new ✓");

        Assert.Equal("new ✓", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(folder));
    }

    [Fact]
    public void Write_writer_fails_the_old_file_stays_and_the_temporary_goes()
    {
        var path = Path.Combine(folder, "a.json");
        AtomicFile.WriteAllText(path, "old");

        Assert.Throws<IOException>(() => AtomicFile.Write(path, stream =>
        {
            stream.WriteByte(1);
            throw new IOException("disk full");
        }));

        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(folder));
    }

    [Fact]
    public void TemporaryName_folder_with_separator_lies_beside_it()
    {
        var name = AtomicFile.TemporaryName(Path.Combine(folder, "step-000050") + Path.DirectorySeparatorChar);

        Assert.Equal(folder, Path.GetDirectoryName(name));
        Assert.StartsWith(".step-000050.", Path.GetFileName(name), StringComparison.Ordinal);
    }
}
