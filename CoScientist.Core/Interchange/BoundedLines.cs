using System.Text;

namespace CoScientist.Core.Interchange;

/// <summary>Lines of a file of which no line may fill the memory.</summary>
internal static class BoundedLines
{
    /// <summary>Lines with their numbers, from 1; null stands for one that is longer than allowed, and which is read over.</summary>
    /// <param name="reader">The text.</param>
    /// <param name="most">Characters that a line may have.</param>
    public static IEnumerable<(int Number, string? Line)> Read(TextReader reader, int most)
    {
        var buffer = new char[32_768];
        var line = new StringBuilder();
        var (number, tooLong) = (1, false);
        int read;
        while ((read = reader.Read(buffer, 0, buffer.Length)) > 0)
        {
            for (var from = 0; from < read;)
            {
                var end = Array.IndexOf(buffer, '\n', from, read - from);
                var to = end < 0 ? read : end;
                tooLong |= line.Length + to - from > most;
                line.Append(buffer, from, tooLong ? 0 : to - from);
                if (end >= 0)
                {
                    yield return (number++, tooLong ? null : line.ToString());
                    line.Clear();
                    tooLong = false;
                }

                from = to + 1;
            }
        }

        if (tooLong || line.Length > 0)
        {
            yield return (number, tooLong ? null : line.ToString());
        }
    }
}
