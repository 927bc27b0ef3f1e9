using System.Diagnostics;
using System.Text;
using System.Text.Json;
using CoScientist.Core.Runs;

namespace CoScientist.Tests.Core.Runs;

/// <summary>Event files against two readers that share no code with the writer: one here, from the published formats of TFRecord, event.proto and summary.proto, and one in Python.</summary>
public sealed class TensorBoardFileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("events-").FullName;

    private string Path => System.IO.Path.Combine(folder, RunFolder.EventsFile);

    private TensorBoardFile File => new(Path, TimeProvider.System);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Crc32C_OfThePublishedCheckValue_IsTheReaders() => Assert.Equal(0xE3069283u, Crc(Encoding.ASCII.GetBytes("123456789")));

    [Fact]
    public void Append_StepsAndEvaluations_AreReadByBothReaders()
    {
        File.Append(Metrics(0, ("judge/score", .25)));
        File.Append(Metrics(1, ("reward", .5), ("kl", double.NaN), ("grad_norm", 1e6)));
        File.Append(Metrics(300, ("reward", -.75)));
        File.Append(Metrics(300, ("judge/score", .5)));

        (long Step, string Tag, float Value)[] expected = [(0, "judge/score", .25f), (1, "reward", .5f), (1, "grad_norm", 1e6f), (300, "reward", -.75f), (300, "judge/score", .5f)];
        Assert.Equal(expected, Read(Path));
        Assert.Equal(expected, Python());
    }

    [Fact]
    public void TruncateAfter_StepsThatAreDoneAgain_LeavesNoRepeats()
    {
        foreach (var step in (int[])[0, 1, 2, 200, 300])
        {
            File.Append(Metrics(step, ("reward", step)));
        }

        // What a crash in the middle of a write leaves behind.
        using (var file = new FileStream(Path, FileMode.Append))
        {
            file.Write([1, 2, 3, 4, 5, 6, 7]);
        }

        Assert.Equal(200, File.TruncateAfter(200));
        File.Append(Metrics(300, ("reward", 300)));
        File.Append(Metrics(301, ("reward", 301)));

        Assert.Equal([0L, 1, 2, 200, 300, 301], Read(Path).Select(value => value.Step));
        Assert.Equal([0L, 1, 2, 200, 300, 301], Python().Select(value => value.Step));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(20)]
    public void TruncateAfter_FileThatIsNoEventFile_IsEmptiedAndBegunAgain(int bytes)
    {
        System.IO.File.WriteAllBytes(Path, new byte[bytes]);

        Assert.Null(File.TruncateAfter(10));

        Assert.Equal(0, new FileInfo(Path).Length);
    }

    private static RunMetrics Metrics(int step, params (string Name, double Value)[] values) => new(step, values.ToDictionary(value => value.Name, value => value.Value));

    /// <summary>Scalars of an event file, in order.</summary>
    internal static List<(long Step, string Tag, float Value)> Read(string path)
    {
        var scalars = new List<(long, string, float)>();
        using var reader = new BinaryReader(System.IO.File.OpenRead(path));
        for (var record = 0; reader.BaseStream.Position < reader.BaseStream.Length; record++)
        {
            var head = reader.ReadBytes(8);
            Assert.Equal(Masked(head), reader.ReadUInt32());
            var body = reader.ReadBytes((int)BitConverter.ToUInt64(head));
            Assert.Equal(Masked(body), reader.ReadUInt32());
            var fields = Fields(body).ToLookup(field => field.Number, field => field);
            Assert.InRange(BitConverter.ToDouble(fields[1].Single().Bytes), 1.5e9, 1e10);
            if (record == 0)
            {
                Assert.Equal("brain.Event:2", Encoding.UTF8.GetString(fields[3].Single().Bytes));
                continue;
            }

            foreach (var value in Fields(fields[5].Single().Bytes))
            {
                Assert.Equal(1, value.Number);
                var parts = Fields(value.Bytes).ToDictionary(field => field.Number, field => field.Bytes);
                scalars.Add(((long)fields[2].Single().Varint, Encoding.UTF8.GetString(parts[1]), BitConverter.ToSingle(parts[2])));
            }
        }

        return scalars;
    }

    private static IEnumerable<(int Number, ulong Varint, byte[] Bytes)> Fields(byte[] message)
    {
        var at = 0;
        while (at < message.Length)
        {
            var key = Varint();
            switch (key & 7)
            {
                case 0:
                    yield return ((int)(key >> 3), Varint(), []);
                    break;
                case 1:
                    yield return ((int)(key >> 3), 0, Bytes(8));
                    break;
                case 2:
                    yield return ((int)(key >> 3), 0, Bytes((int)Varint()));
                    break;
                default:
                    Assert.Equal(5u, key & 7);
                    yield return ((int)(key >> 3), 0, Bytes(4));
                    break;
            }
        }

        ulong Varint()
        {
            var (value, shift) = (0UL, 0);
            byte part;
            do
            {
                part = message[at++];
                value |= (ulong)(part & 0x7f) << shift;
                shift += 7;
            }
            while (part >= 0x80);
            return value;
        }

        byte[] Bytes(int count) => message[at..(at += count)];
    }

    private static uint Masked(byte[] bytes)
    {
        var crc = Crc(bytes);
        return ((crc >> 15) | (crc << 17)) + 0xa282ead8;
    }

    /// <summary>CRC-32C bit by bit, by the reflected polynomial 0x82f63b78.</summary>
    private static uint Crc(byte[] bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) * 0x82f63b78);
            }
        }

        return ~crc;
    }

    private List<(long Step, string Tag, float Value)> Python()
    {
        var start = new ProcessStartInfo("python3") { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(System.IO.Path.Combine(AppContext.BaseDirectory, "Core", "Runs", "read_events.py"));
        start.ArgumentList.Add(Path);
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error.GetAwaiter().GetResult());
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonSerializer.Deserialize<JsonElement>(line)).Select(value => (value[0].GetInt64(), value[1].GetString()!, value[2].GetSingle()))];
    }
}
